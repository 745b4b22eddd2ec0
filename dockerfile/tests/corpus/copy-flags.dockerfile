FROM busybox AS s
FROM busybox
COPY --from=s --chown=1:1 --chmod=644 --link=false /bin/busybox /bb
COPY --parents --exclude=*.md --exclude=x . /y/
ADD --chown=0 --keep-git-dir=false --unpack=true . /z/
ADD --checksum=sha256:24454f830cdb571e2c4ad15481119c43b3cafd48dd869a9b2945d1036d1dc68d https://x.invalid/a /w
