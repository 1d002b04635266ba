#!/usr/bin/env bash
# Prints the path of each named tool, in the exact version that the tests compare with.
#
#   tests/tools/build.sh NAME...
#   (actionlint, argocd, argocd-cmp-server, argocd-split, argocd-vault-plugin, helm, kpt, kustomize, vault)
#
# A tool on PATH is used when it is exactly that version. Otherwise it is built once, from the pinned
# go.mod and go.sum in the folder of that name, into a cache outside the tree:
# $GITOPS_FN_TOOLS, or ${XDG_CACHE_HOME:-~/.cache}/gitops-fn/tools. Only paths go to stdout.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${GITOPS_FN_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/gitops-fn/tools}

say() { printf '%s\n' "tests/tools: $*" >&2; }
die() {
  say "$@"
  exit 1
}

# Sets what is known about a tool: version, Go package, first build time, and the Go it needs.
describe() {
  toolchain='' cgo='' ldflags='-s -w' variant=''
  case $1 in
    kustomize)
      # static, because the cmp image holds no C library; the variant leaves older, dynamic builds in the cache behind
      version=5.8.3 package=sigs.k8s.io/kustomize/kustomize/v5 minutes='1 to 2' toolchain=go1.27.3 cgo=0 variant=-static
      ;;
    helm)
      # static for the same reason; its own Makefile sets the version with this flag
      version=3.22.0 package=helm.sh/helm/v3/cmd/helm minutes=2 cgo=0
      ldflags="$ldflags -X helm.sh/helm/v3/internal/version.version=v$version"
      ;;
    argocd-cmp-server)
      # the plugin server of Argo CD alone, which otherwise is part of the one argocd binary
      version=3.6.1 package=. minutes=5 toolchain=go1.27.3 cgo=0
      ;;
    argocd)
      # its command line, of a version that is still met
      version=3.2.6 package=. minutes=5 cgo=0
      ;;
    argocd-split)
      # what the newest Argo CD sees of a stream of manifests: see main.go
      version=3.6.1 package=. minutes=3 toolchain=go1.27.3 cgo=0
      ;;
    actionlint)
      version=1.7.12 package=github.com/rhysd/actionlint/cmd/actionlint minutes=1 cgo=0
      ;;
    argocd-vault-plugin)
      version=1.18.1 package=github.com/argoproj-labs/argocd-vault-plugin minutes=3
      # without it the program does not know its own version
      ldflags="$ldflags -X $package/version.Version=v$version"
      ;;
    kpt)
      # its `fn` commands alone: see main.go
      version=1.0.0-beta.61 package=. minutes=2 cgo=0
      ;;
    vault)
      # 360 MB, static
      version=1.21.1 package=github.com/hashicorp/vault minutes=15 cgo=0
      ;;
    *) die "unknown tool '$1': known are actionlint, argocd, argocd-cmp-server, argocd-split, argocd-vault-plugin, helm, kpt, kustomize and vault" ;;
  esac
}

# The tool on PATH, if it says that it is the wanted version.
on_path() {
  local found
  found=$(command -v "$1") || return 1
  # a bare folder name, or a longer version such as 5.8.31, is not a match
  "$found" version 2>/dev/null | grep -Eq "(^|[^0-9.])v?${version//./\\.}([^0-9.-]|$)" || return 1
  printf '%s\n' "$found"
}

sha256() {
  if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -c1-16
}

# Builds into a temporary folder beside the target and renames, so that a reader never sees half a binary.
build() {
  local name=$1 target=$2 work
  command -v go >/dev/null || die "$name $version is not on PATH, and there is no Go to build it with"
  say "building $name $version (about $minutes minutes on 2 cores, once; kept in $cache)"
  work=$(mktemp -d "$cache/.$name.XXXXXX")
  # shellcheck disable=SC2064 # the value of now is meant
  trap "rm -rf '$work'" EXIT
  (
    cd "$here/$name"
    [ -z "$toolchain" ] || export GOTOOLCHAIN=$toolchain
    [ -z "$cgo" ] || export CGO_ENABLED=$cgo
    GOWORK=off go build -mod=readonly -ldflags "$ldflags" -o "$work/$name" "$package" >&2
  ) || die "$name $version could not be built"
  mkdir -p "$(dirname "$target")"
  mv -f "$work/$name" "$target"
  rm -rf "$work"
  trap - EXIT
}

[ $# -gt 0 ] || die 'usage: tests/tools/build.sh NAME...'
for name in "$@"; do
  describe "$name"
  on_path "$name" && continue
  target=$cache/$name-$(sha256 "$here/$name/go.mod")$variant/$name
  if [ ! -x "$target" ]; then
    mkdir -p "$cache"
    (
      # two runs at once: the second waits, then finds the tool. Without flock both build; the rename keeps that safe.
      if command -v flock >/dev/null; then
        exec 9>"$cache/.$name.lock"
        flock 9
      fi
      if [ ! -x "$target" ]; then build "$name" "$target"; fi
    )
  fi
  printf '%s\n' "$target"
done
