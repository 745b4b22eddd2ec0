FROM busybox
RUN cat <<< word || true
