from scratch as base
env a=b
From base
lAbEl x=y
