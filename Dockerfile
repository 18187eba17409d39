# The gateway alone in an image: one static program, no shell, no packages. docs/deploy.md says how to run it.
#
# glibc is linked in (`crt-static`), which needs no other toolchain than the builder's own, so that `scratch` can be the base. Names are resolved by the program itself, and the public authorities are compiled in: no file of
# a distribution is missed.

FROM rust:1.95-bookworm AS build
WORKDIR /src
SHELL ["/bin/bash", "-eu", "-o", "pipefail", "-c"]
COPY . .
# A target that is named keeps the flag away from build scripts and macros, which cannot be static.
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    host=$(rustc -vV | sed -n 's/^host: //p') && \
    RUSTFLAGS="-C target-feature=+crt-static" cargo build --release --locked --bin throughway --target "$host" && \
    install -D "target/$host/release/throughway" /out/throughway && \
    install -d -m 700 /out/data

FROM scratch
COPY --from=build /out/throughway /throughway
# The database of gateway keys. A volume that is made from the image belongs to its user from the beginning.
COPY --from=build --chown=65532:65532 /out/data /data
ENV THROUGHWAY_DATA_DIR=/data
VOLUME /data
# No account is needed, so none has a name.
USER 65532:65532
# Inside a container loopback is nobody's: other containers and the host come over the network.
ENV THROUGHWAY_LISTEN=0.0.0.0:8787
EXPOSE 8787
# Readiness turns to 503, 5 s later no more is accepted, open requests have 20 s: `docker stop --timeout 30`.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=2s CMD ["/throughway", "health"]
ENTRYPOINT ["/throughway"]
