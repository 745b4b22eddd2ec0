FROM scratch IS x
