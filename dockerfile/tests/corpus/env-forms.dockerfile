FROM scratch
ENV old form here
ENV C=three\ words D="d e" E='f g' H=
ENV ONE TWO= THREE=world
ENV a=b\
   c=d
LABEL multi="line \
  label" "key space"=v
LABEL legacy some text
