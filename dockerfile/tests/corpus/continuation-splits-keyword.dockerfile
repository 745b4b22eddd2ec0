FR\
OM scr\
atch
EN\
V a=b
