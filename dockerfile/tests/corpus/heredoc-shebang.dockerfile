FROM busybox
RUN <<EOF
#!/bin/sh
echo $0
EOF
