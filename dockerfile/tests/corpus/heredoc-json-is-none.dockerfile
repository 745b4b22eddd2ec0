FROM busybox
RUN ["echo","<<EOF"]
ENV x=<<EOF
