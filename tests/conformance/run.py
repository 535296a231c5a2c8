#!/usr/bin/python3
"""The Gateway API's conformance suite against a knetd in a network namespace of its own, with Pods that it attaches.

    tests/conformance/run.py [--only NAME,...] [--features all|A,B] [--patient]

Ends with what became of each test and feature; the report is written to build/conformance/report.yaml, and what the
suite, the daemon and the Pods said lies beside it."""

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
sys.path.insert(0, HERE)
from clients import CLIENTS, client  # noqa: E402
from daemon import ROOT, Knetd  # noqa: E402
from kubelet import Kubelet  # noqa: E402
from pods import eventually  # noqa: E402

OUT = os.path.join(ROOT, "build", "conformance")
SUITE = os.path.join(CLIENTS, "conformance")
CLASS = "knetd"
PROFILES = "GATEWAY-HTTP,GATEWAY-GRPC,GATEWAY-TLS,GATEWAY-TCP,GATEWAY-UDP"
POOL, USABLE, UNUSABLE = "198.18.0.0/24", "198.18.0.200", "203.0.113.1"
INI = f"[lb]\npools = {POOL}\nannounce = none\n[api]\nlisten = 127.0.0.1:6443\n"
PROGRAMS = [("registry.k8s.io/gateway-api/echo-basic", os.path.join(SUITE, "echo-basic")),
            ("registry.k8s.io/coredns/coredns", os.path.join(SUITE, "whoami"))]


CLASSES = "/apis/gateway.networking.k8s.io/v1/gatewayclasses"


def accepted(knetd):
    status, answer = knetd.api("GET", f"{CLASSES}/{CLASS}")
    return status == 200 and any(c["type"] == "Accepted" and c["status"] == "True"
                                 for c in answer.get("status", {}).get("conditions", []))


def have_class(knetd):
    """The suite reads from the class' status what is to be tested."""
    status, answer = knetd.api("POST", CLASSES, {"metadata": {"name": CLASS}, "spec": {"controllerName": "knetd.io/gateway"}})
    assert status in (201, 409), answer
    eventually(lambda: accepted(knetd))


def version(knetd):
    return knetd.api("GET", "/version")[1]["gitVersion"]


def flags(knetd, folder, only, skip, features, patient):
    said = ["-test.v", "-test.timeout=60m", "-disable-parallel-tests",  # some of them take away what others count on
            f"-logs={folder}/logs", f"-summary={folder}/summary",
            f"-gateway-class={CLASS}", f"-conformance-profiles={PROFILES}", f"-report-output={folder}/report.yaml",
            f"-usable-address={USABLE}", f"-unusable-address={UNUSABLE}", "-cleanup-base-resources=false",
            "-organization=knetd", "-project=knetd", "-url=https://knetd.io", f"-version={version(knetd)}", "-contact=README.md"]
    if only:
        said.append(f"-only={','.join(only)}")
    if skip:
        said.append(f"-skip-tests={','.join(skip)}")
    if features == "all":
        said.append("-all-features")
    elif features:
        said.append(f"-supported-features={features}")
    if patient:
        said.append("-patient")
    return said


def lines_of(path):
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def run(only=(), skip=(), features="", patient=False, timeout=3600):
    """Runs the suite; [{name, result: pass|fail|skip, features, at}] in the order they ended in."""
    shutil.rmtree(OUT, ignore_errors=True)
    os.makedirs(OUT)
    with contextlib.ExitStack() as stack:
        knetd = stack.enter_context(Knetd(ini=INI))
        stack.callback(lambda: shutil.copy(knetd.log, os.path.join(OUT, "knetd.log")))
        have_class(knetd)
        kubelet = stack.enter_context(Kubelet(knetd, PROGRAMS, OUT))
        log = stack.enter_context(open(os.path.join(OUT, "suite.log"), "w", encoding="utf-8"))
        argv = [*knetd.enter, os.path.join(SUITE, "suite"), *flags(knetd, OUT, only, skip, features, patient)]
        env = dict(os.environ, KUBECONFIG=os.path.join(knetd.dir, "run", "kubeconfig"))
        subprocess.run(argv, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=env, timeout=timeout, check=False)
        if kubelet.failed:
            log.write("\nPods that did not run:\n" + "\n".join(kubelet.failed) + "\n")
    return lines_of(os.path.join(OUT, "summary"))


def missing():
    """Why the suite cannot be had here, or None."""
    return client("conformance", "go")


def by_feature(results):
    """Feature -> (tests passed, tests run), of those that were run."""
    found = {}
    for r in results:
        if r["result"] != "skip":
            for feature in r["features"]:
                passed, ran = found.get(feature, (0, 0))
                found[feature] = passed + (r["result"] == "pass"), ran + 1
    return found


def tell(results, seconds, where=OUT):
    before = 0
    for r in results:
        if r["result"] != "skip":
            print(f"{r['result']:4} {r['at'] - before:6.1f} s  {r['name']}")
        before = max(before, r["at"])
    print()
    for feature, (passed, ran) in sorted(by_feature(results).items()):
        print(f"{passed:3} of {ran:3}  {feature}")
    count = {what: sum(r["result"] == what for r in results) for what in ("pass", "fail", "skip")}
    print(f"\n{count['pass']} passed, {count['fail']} failed, {count['skip']} skipped in {seconds:.0f} s; see {where}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="names of tests")
    parser.add_argument("--features", default="", help="all, or names; by default those the GatewayClass' status lists")
    parser.add_argument("--patient", action="store_true", help="the suite's own timeouts")
    args = parser.parse_args()
    if why := missing():
        sys.exit(why)
    began = time.monotonic()
    results = run([n for n in args.only.split(",") if n], features=args.features, patient=args.patient)
    tell(results, time.monotonic() - began)
    sys.exit(not results or any(r["result"] == "fail" for r in results))


if __name__ == "__main__":
    main()
