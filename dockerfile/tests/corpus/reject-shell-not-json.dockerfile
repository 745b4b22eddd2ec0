FROM busybox
SHELL /bin/sh
