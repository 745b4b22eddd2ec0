  FROM scratch
	# comment
  ENV a=b
	 LABEL c=d
