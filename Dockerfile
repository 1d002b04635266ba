# gitops-fn as a container function: one static binary and what it needs, for linux/amd64 and linux/arm64.
#
#   docker build -t gitops-fn .
#
# The build stage runs on the platform it builds for (under emulation where that is another one).
# Where its base image cannot be pulled, a folder laid out like /rootfs below takes its place:
#   podman build --build-context build=DIR --target function .        with DIR/rootfs/usr/local/bin/gitops-fn, …

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

FROM scratch AS function
LABEL org.opencontainers.image.title="gitops-fn" \
      org.opencontainers.image.description="Stamps Kubernetes manifests with their repository, sets image tags and replaces Vault placeholders, as a KRM function or in a pipe" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /rootfs/ /
# nobody, as a number for Kubernetes' runAsNonRoot; kustomize and kpt pass `--user nobody`, hence /etc/passwd
USER 65534:65534
ENTRYPOINT ["/usr/local/bin/gitops-fn"]
