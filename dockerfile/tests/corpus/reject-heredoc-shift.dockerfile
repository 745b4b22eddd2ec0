FROM busybox
RUN echo $((1 << 2))
