# qfleet in an image of its own: for pipelines that run images. Built from what `make archives` leaves in target/dist:
#
#     make archives
#     docker build --tag qfleet .
#     docker run --rm --volume "$PWD:/project" --volume "$HOME/.aws:/home/nonroot/.aws:ro" qfleet plan lab
#
# glibc, CA certificates and nothing else; no shell, no Python: the local emulator and `build` of a program need more than
# this. It runs as a user without rights (65532), who must be able to read the folder.
#
# A tag and no digest: `docker buildx imagetools inspect gcr.io/distroless/base-debian12:nonroot` says today's, to pin it.
FROM gcr.io/distroless/base-debian12:nonroot

# amd64 or arm64, set by docker build.
ARG TARGETARCH
COPY target/dist/image/${TARGETARCH}/qfleet /usr/local/bin/qfleet
COPY target/dist/image/${TARGETARCH}/LICENSE-MIT target/dist/image/${TARGETARCH}/LICENSE-APACHE target/dist/image/${TARGETARCH}/THIRD-PARTY-LICENSES.txt /usr/share/doc/qfleet/

# Its number: Kubernetes can't tell from a name that it isn't root.
USER 65532:65532
ENV HOME=/home/nonroot
WORKDIR /project
ENTRYPOINT ["/usr/local/bin/qfleet"]
CMD ["--help"]
