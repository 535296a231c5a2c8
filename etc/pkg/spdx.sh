#!/bin/sh
# spdx.sh VERSION TARBALL FILE... - an SPDX 2.3 document (JSON) of a release: the source, each binary, and what each is
# linked from with version, licence, origin and checksum, as deps/pins has them. FILE is named knetd-VERSION-ARCH.
set -eu
export LC_ALL=C
here=$(cd "$(dirname "$0")/../.." && pwd)
version=$1 tarball=$2
shift 2
sum() { sha256sum "$1" | cut -d' ' -f1; }
gcc=$(gcc -dumpfullversion)

{
	echo "knetd $version $(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ) $gcc"
	echo "source $(basename "$tarball") $(sum "$tarball")"
	for f; do
		arch=${f##*-}
		echo "binary $arch $(basename "$f") $(sum "$f")"
	done
	for f; do
		arch=${f##*-}
		awk -v a="$arch" '!/^#/ && NF && $1 != "cmocka" && $1 != "dhcpcd" && ($3 == "tar" || $3 == "diff" || $3 == a) { print "pin", a, $1, $2, $3, $4, $5, $6, $7 }' "$here/deps/pins"
	done
} | awk '
function q(s) { return "\"" s "\"" }
function package(id, name, version, license, file, sha, purl, purpose) {
	if (seen[id]++) return
	packages = packages sep "  {" q("SPDXID") ":" q("SPDXRef-" id) "," q("name") ":" q(name) "," q("versionInfo") ":" q(version) "," \
		q("packageFileName") ":" q(file) "," q("downloadLocation") ":" q("NOASSERTION") "," q("filesAnalyzed") ":false," \
		q("licenseConcluded") ":" q(license) "," q("licenseDeclared") ":" q(license) "," q("copyrightText") ":" q("NOASSERTION") "," \
		q("primaryPackagePurpose") ":" q(purpose)
	if (sha) packages = packages "," q("checksums") ":[{" q("algorithm") ":" q("SHA256") "," q("checksumValue") ":" q(sha) "}]"
	if (purl) packages = packages "," q("externalRefs") ":[{" q("referenceCategory") ":" q("PACKAGE-MANAGER") "," q("referenceType") ":" q("purl") "," \
		q("referenceLocator") ":" q(purl) "}]"
	packages = packages "}"
	sep = ",\n"
}
function relate(a, how, b) {
	if (seen[a how b]++) return
	relations = relations rsep "  {" q("spdxElementId") ":" q("SPDXRef-" a) "," q("relationshipType") ":" q(how) "," q("relatedSpdxElement") ":" q("SPDXRef-" b) "}"
	rsep = ",\n"
}
function clean(s) { gsub(/[^A-Za-z0-9.-]/, "-", s); return s }
$1 == "knetd" { version = $2; date = $3; gcc = $4 }
$1 == "source" {
	package("source", "knetd", version, "GPL-2.0-or-later", $2, $3, "", "SOURCE")
	relate("DOCUMENT", "DESCRIBES", "source"); digest = $3
}
$1 == "binary" {
	package(clean("knetd-" $2), "knetd", version, "GPL-2.0-or-later", $3, $4, "", "APPLICATION")
	relate("DOCUMENT", "DESCRIBES", clean("knetd-" $2))
	relate(clean("knetd-" $2), "GENERATED_FROM", "source")
	package("libgcc", "libgcc", gcc, "GPL-3.0-or-later WITH GCC-exception-3.1", "libgcc.a", "", "", "LIBRARY")
	relate(clean("knetd-" $2), "STATIC_LINK", "libgcc")
}
$1 == "pin" { # pin ARCH NAME VERSION KIND PACKAGE FILE SHA LICENCE
	arch = $2; name = $3; kind = $5; split($6, p, "=")
	id = clean(kind == "tar" ? name : kind == "diff" ? name "-debian-patches" : name "-" kind)
	deb = kind == "x86_64" ? "amd64" : kind == "aarch64" ? "arm64" : kind
	purl = p[2] ? "pkg:deb/debian/" p[1] "@" p[2] "?arch=" deb "&distro=trixie" : "pkg:deb/debian/" p[1] "?arch=source&distro=trixie"
	package(id, (name ~ /^(mnl|nftnl|yaml)$/ ? "lib" : "") (name == "z" ? "zlib" : name) (kind == "diff" ? " (Debian patches)" : ""), $4, $9, $7, $8, purl, kind == "diff" ? "SOURCE" : "LIBRARY")
	if (kind == "diff") relate(id, "PATCH_FOR", clean(name))
	else relate(clean("knetd-" arch), "STATIC_LINK", id)
}
END {
	print "{"
	print q("spdxVersion") ":" q("SPDX-2.3") ","
	print q("dataLicense") ":" q("CC0-1.0") ","
	print q("SPDXID") ":" q("SPDXRef-DOCUMENT") ","
	print q("name") ":" q("knetd-" version) ","
	print q("documentNamespace") ":" q("https://spdx.org/spdxdocs/knetd-" version "-" substr(digest, 1, 16)) ","
	print q("creationInfo") ":{" q("created") ":" q(date) "," q("creators") ":[" q("Tool: knetd-pkg-spdx.sh") "]},"
	print q("packages") ":[\n" packages "\n],"
	print q("relationships") ":[\n" relations "\n]"
	print "}"
}'
