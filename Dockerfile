# syntax=docker/dockerfile:1
# The program alone on an empty image: no shell, no package manager, not root.
#
#   docker build -t posthorn --build-arg VERSION=$(git describe --tags --always) .

FROM --platform=$BUILDPLATFORM node:22-bookworm-slim AS ui
WORKDIR /ui
COPY web/ui/package.json web/ui/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY web/ui .
RUN npm run build

FROM --platform=$BUILDPLATFORM golang:1.26-bookworm AS build
WORKDIR /src
# The modules change less often than the code: a layer of their own.
COPY go.mod go.sum ./
RUN go mod download
COPY . .
COPY --from=ui /ui/dist web/ui/dist
ARG VERSION=dev
ARG TARGETOS
ARG TARGETARCH
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -ldflags "-s -w -X main.version=$VERSION" -o /out/posthorn ./cmd/posthorn

FROM scratch
# Certificates for TLS to relays, Postgres and Redis. Time zones are in the program.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/posthorn /posthorn
USER 65532:65532
ENV POSTHORN_LISTEN=0.0.0.0:8080
EXPOSE 8080
ENTRYPOINT ["/posthorn"]
CMD ["serve"]
