"""An image of busybox, written without any image tool."""

import gzip
import hashlib
import io
import json
import tarfile

IMAGE = "docker.io/library/busybox:latest"
PAUSE = "registry.k8s.io/pause:3.6"
APPLETS = ("sh", "httpd", "wget", "sleep", "cat", "nslookup", "ip", "nc", "hostname")


def image(path):
    """A one-layer OCI image of busybox under both names."""
    def blob(data):
        digest = hashlib.sha256(data).hexdigest()
        files[f"blobs/sha256/{digest}"] = data
        return {"digest": f"sha256:{digest}", "size": len(data)}

    files, raw = {}, io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as layer:
        for folder in ("bin", "www", "etc", "tmp", "proc", "sys", "dev"):
            info = tarfile.TarInfo(folder)
            info.type, info.mode = tarfile.DIRTYPE, 0o755
            layer.addfile(info)
        layer.add("/bin/busybox", "bin/busybox")
        for applet in APPLETS:
            info = tarfile.TarInfo(f"bin/{applet}")
            info.type, info.linkname = tarfile.SYMTYPE, "busybox"
            layer.addfile(info)
        page = b"hello from containerd\n"
        info = tarfile.TarInfo("www/index.html")
        info.size = len(page)
        layer.addfile(info, io.BytesIO(page))
    config = {"architecture": "amd64", "os": "linux", "config": {"Entrypoint": ["/bin/sleep", "1000000"], "Env": ["PATH=/bin"]},
              "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(raw.getvalue()).hexdigest()]}}
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": dict(blob(json.dumps(config).encode()), mediaType="application/vnd.oci.image.config.v1+json"),
                "layers": [dict(blob(gzip.compress(raw.getvalue(), 1)), mediaType="application/vnd.oci.image.layer.v1.tar+gzip")]}
    entry = dict(blob(json.dumps(manifest).encode()), mediaType=manifest["mediaType"])
    files["index.json"] = json.dumps({"schemaVersion": 2, "manifests": [
        dict(entry, annotations={"io.containerd.image.name": n}) for n in (IMAGE, PAUSE)]}).encode()
    files["oci-layout"] = b'{"imageLayoutVersion":"1.0.0"}'
    with tarfile.open(path, "w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
