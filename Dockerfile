FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /out/failover ./cmd/failover
RUN mkdir -p /out/data /out/etc

FROM scratch
# Roots for the DNS provider's API, the certificate authority and the checks of origins.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/failover /failover
# The journal and the certificates must outlive the container: losing them during an outage loses
# the records to go back to. An own folder, so that a new volume belongs to the user below.
COPY --from=build --chown=65532:65532 /out/data /var/lib/failover
COPY --from=build /out/etc /etc/failover
VOLUME /var/lib/failover
ENV FAILOVER_CONFIG=/etc/failover
USER 65532:65532
EXPOSE 80 443
# The binary asks the running controller over its socket: no shell, no port.
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["/failover", "status"]
ENTRYPOINT ["/failover"]
CMD ["run"]
