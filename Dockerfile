# Two images, each one static binary and what it needs, for linux/amd64 and linux/arm64:
#
#   docker build -t gitops-fn .                         the container function
#   docker build -t gitops-fn-cmp --target cmp .        the sidecar of Argo CD's repo-server, with kustomize and helm
#
# The build stage runs on the platform it builds for (under emulation where that is another one).
# Where a base image cannot be pulled, a folder laid out like that stage's /rootfs takes its place:
#   podman build --build-context build=DIR --target function .        with DIR/rootfs/usr/local/bin/gitops-fn, …
#   podman build --build-context build=DIR --build-context tools=DIR2 --target cmp .

FROM rust:1.95-alpine AS build
ARG TARGETARCH
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY src src
RUN case "$TARGETARCH" in \
        amd64) target=x86_64-unknown-linux-musl ;; \
        arm64) target=aarch64-unknown-linux-musl ;; \
        *) echo "no build for architecture '$TARGETARCH': known are amd64 and arm64" >&2; exit 1 ;; \
    esac \
    && cargo build --locked --release --bin gitops-fn --target "$target" \
    && install -D -m 755 "target/$target/release/gitops-fn" /rootfs/usr/local/bin/gitops-fn \
    && install -D -m 644 /etc/ssl/certs/ca-certificates.crt /rootfs/etc/ssl/certs/ca-certificates.crt \
    && echo 'nobody:x:65534:65534:nobody:/:/sbin/nologin' > /rootfs/etc/passwd \
    && echo 'nobody:x:65534:' > /rootfs/etc/group

# what `gitops-fn build` runs, from the go.mod and go.sum of the tests
FROM --platform=$BUILDPLATFORM golang:1.27-alpine AS tools
ARG TARGETARCH
ENV CGO_ENABLED=0 GOARCH=$TARGETARCH GOFLAGS=-mod=readonly
COPY tests/tools /src
WORKDIR /src/kustomize
RUN go build -ldflags '-s -w' -o /rootfs/usr/local/bin/kustomize sigs.k8s.io/kustomize/kustomize/v5
WORKDIR /src/helm
RUN go build -ldflags '-s -w -X helm.sh/helm/v3/internal/version.version=v3.22.0' \
        -o /rootfs/usr/local/bin/helm helm.sh/helm/v3/cmd/helm

FROM scratch AS cmp
LABEL org.opencontainers.image.title="gitops-fn-cmp" \
      org.opencontainers.image.description="The config management plugin of Argo CD that builds with kustomize and helm and replaces Vault placeholders, under the operator's policy" \
      org.opencontainers.image.licenses="Apache-2.0"
# of a program that its user may not read, the kernel lets nobody of the same user see the environment, from its start
COPY --from=build --chmod=711 /rootfs/usr/local/bin/gitops-fn /usr/local/bin/gitops-fn
COPY --from=build /rootfs/etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=tools /rootfs/ /
COPY --chmod=644 examples/argocd/image/passwd examples/argocd/image/group /etc/
COPY --chmod=644 examples/argocd/plugin.yaml /home/argocd/cmp-server/config/plugin.yaml
# it allows nothing, so that an operator has to decide; their own is mounted over it
COPY --chmod=644 examples/argocd/image/policy.yaml /etc/gitops-fn/policy.yaml
ENV PATH=/usr/local/bin
# the user of Argo CD's own images; the program to run comes from one of them, through a shared volume
USER 999:999
CMD ["/var/run/argocd/argocd-cmp-server"]

FROM scratch AS function
LABEL org.opencontainers.image.title="gitops-fn" \
      org.opencontainers.image.description="Stamps Kubernetes manifests with their repository, sets image tags and replaces Vault placeholders, as a KRM function or in a pipe" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /rootfs/ /
# nobody, as a number for Kubernetes' runAsNonRoot; kustomize and kpt pass `--user nobody`, hence /etc/passwd
USER 65534:65534
ENTRYPOINT ["/usr/local/bin/gitops-fn"]
