FROM busybox
CMD ['echo','x']
ENTRYPOINT [] random
