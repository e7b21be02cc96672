# One image for every service; docker-compose.yml says which one a container runs.
FROM node:20-bookworm-slim AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends g++ make python3 \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
RUN npm run build && npm prune --omit=dev

FROM node:20-bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends espeak-ng tini \
 && rm -rf /var/lib/apt/lists/* \
 && install -d -o node -g node /data
ENV NODE_ENV=production DATA_DIR=/data HOST=0.0.0.0
WORKDIR /app
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY --from=build /app/worker/sockets/native/build/Release/media_sockets.node worker/sockets/native/build/Release/
COPY package.json LICENSE NOTICE THIRD_PARTY_NOTICES.md ./
USER node
VOLUME /data
ENTRYPOINT ["tini", "--", "node", "--enable-source-maps"]
CMD ["dist/api/main.js"]
