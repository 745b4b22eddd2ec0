ARG S=a
FROM scratch AS a
FROM scratch
ARG S
COPY --from=$S x /x
