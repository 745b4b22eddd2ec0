FROM busybox
RUN echo it's <<EOF || true
RUN true
