FROM busybox
RUN cat<<EOF || true
RUN true
