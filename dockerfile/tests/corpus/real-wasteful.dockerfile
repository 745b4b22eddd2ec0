FROM busybox
MAINTAINER xiongkun
WORKDIR /home
RUN dd if=/dev/zero of=50M.file bs=1M count=50
RUN rm -rf 50M.file
