FROM debian:bookworm
MAINTAINER someone
# tools
RUN apt-get update \
 && apt-get install -y \
    # for downloads
    curl \
    ca-certificates \
 && apt-get clean

RUN set -eux; \
	for f in a b c; do \
		echo "$f"; \
	done
VOLUME /var/lib/data
EXPOSE 8080/tcp 8443
STOPSIGNAL SIGTERM
CMD exec server --flag "value"
