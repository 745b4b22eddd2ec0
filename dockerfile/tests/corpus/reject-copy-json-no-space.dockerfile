FROM scratch
COPY [g,/x]
