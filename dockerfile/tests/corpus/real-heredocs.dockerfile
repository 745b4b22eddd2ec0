# syntax=docker/dockerfile:1
FROM debian:bookworm
RUN <<EOF
set -e
apt-get update
apt-get install -y nginx
EOF
COPY <<-"CONF" /etc/nginx/conf.d/site.conf
	server {
		listen 80;
		root $document_root;
	}
	CONF
COPY <<index.html <<404.html /usr/share/nginx/html/
<h1>hello</h1>
index.html
<h1>not here</h1>
404.html
CMD ["nginx", "-g", "daemon off;"]
