# The program alone, built from the sources around this file.
#   docker build -t kehu .
#   docker run --rm kehu keys new       prints a new key; docker-compose.yml has a whole installation
# Inside a container loopback reaches nobody: give KEHU_LISTEN with TLS (KEHU_TLS_CERT, KEHU_TLS_KEY), or stand behind
# a proxy that has it (KEHU_BEHIND_PROXY). Neither is chosen here.
FROM rust:1.95-slim-bookworm AS build
# Versions are Debian's at the time of the build: a pinned one would leave the archive with the next security update.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends build-essential \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN cargo build --release --locked --package kehu

FROM debian:bookworm-slim
RUN groupadd --system --gid 10001 kehu \
    && useradd --system --uid 10001 --gid kehu --home-dir /data --no-create-home --shell /usr/sbin/nologin kehu \
    && install --directory --owner kehu --group kehu --mode 0700 /data /keys
# Whom the program believes when it asks an identity provider.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /src/target/release/kehu /usr/local/bin/kehu
USER 10001:10001
# The key file is not kept with the data that it opens: two volumes, two backups.
ENV KEHU_DATA=/data KEHU_KEK_FILE=/keys/kehu.key
VOLUME ["/data", "/keys"]
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s CMD ["kehu", "healthcheck"]
ENTRYPOINT ["kehu"]
CMD ["serve"]
