# syntax=docker/dockerfile:1
# pregonero in a container: an unprivileged user, a root that can be read-only, one volume.
# How to run it: docs/guide/install.md and deploy/compose.yaml.

FROM rust:1.95-bookworm AS build
# The image's g++ compiles SQLite, ring and twitter-text's bridge; nothing else is needed.
WORKDIR /source
COPY . .
# The caches are not part of the image, so the binary is copied out of them.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/source/target \
    cargo build --release --locked --bin pregonero \
    && cp target/release/pregonero /pregonero

FROM debian:bookworm-slim
# TLS takes its roots from the system.
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && install -d -o 10001 -g 10001 -m 0700 /var/lib/pregonero
COPY --from=build /pregonero /usr/local/bin/pregonero
COPY --from=build /source/config.toml /etc/pregonero/config.toml
# A configuration under /etc keeps its record and tokens in /var/lib/pregonero.
ENV HF_HOME=/var/lib/pregonero/huggingface
# A number, so that an orchestrator can see it is not root.
USER 10001:10001
WORKDIR /var/lib/pregonero
VOLUME /var/lib/pregonero
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=1m --timeout=10s --start-period=2m --retries=3 \
    CMD ["pregonero", "--config", "/etc/pregonero/config.toml", "healthcheck"]
ENTRYPOINT ["pregonero", "--config", "/etc/pregonero/config.toml"]
CMD ["run"]
