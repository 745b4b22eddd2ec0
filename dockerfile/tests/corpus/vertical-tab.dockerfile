FROM busybox
ENVa=b
RUNechoa || true
