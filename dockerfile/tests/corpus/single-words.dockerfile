FROM scratch
WORKDIR /a b
USER "a b"
STOPSIGNAL 9
MAINTAINER Some One <one@example.org>
EXPOSE 80 443/udp "8000-8002"
VOLUME /a /b
