FROM busybox
RUN --mount=type=cache,target=/c --mount=type=tmpfs,target=/t --network=none --security=sandbox echo a
