FROM busybox
RUN <<-'EOT' sh -x
	echo one
		echo two
	EOT
RUN <<"E O"
echo $three
E O
