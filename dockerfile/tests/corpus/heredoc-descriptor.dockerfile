FROM busybox
RUN 3<<EOF cat <&3
from three
EOF
