FROM scratch
COPY --bogus a /b
