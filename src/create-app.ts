import 'reflect-metadata';
import type { IncomingMessage } from 'node:http';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { AppModule } from './app.module.js';
import type { Config } from './config/config.js';
import { answerCors } from './http/answer-cors.js';
import { callersOf } from './http/callers.js';
import { EDGE_OPTIONS } from './http/edge-options.js';
import { refuseHosts } from './http/refuse-hosts.js';
import { pathOfTarget } from './http/requested-host.js';
import { shapeAnswers } from './http/shape-answers.js';
import { unpackBody } from './http/unpack-body.js';
import { takesUpgrade } from './http/upgrades.js';
import type { Log } from './telemetry/log.js';
import { NestLog } from './telemetry/nest-log.js';

/** The hub's object graph on Fastify, wired and started but not listening yet. */
export async function createApp(config: Config, log: Log, databaseUrl: string): Promise<NestFastifyApplication> {
  const callers = callersOf(config.http);
  const requestMs = config.http.requestSeconds * 1000;
  const adapter = new FastifyAdapter({
    ...EDGE_OPTIONS,
    bodyLimit: config.http.maxBodyBytes,
    rewriteUrl: ({ url }: { url?: string }) => pathOfTarget(url ?? ''),
    // Nobody stands in front of the hub whose word on the client's address could be taken.
    trustProxy: false,
    requestTimeout: requestMs,
    // Node does not look at requestTimeout while headersTimeout, a minute by default, is the longer one.
    http: {
      ...EDGE_OPTIONS.http,
      requestTimeout: requestMs,
      headersTimeout: Math.min(requestMs, 60_000),
      shouldUpgradeCallback: (request: IncomingMessage) => takesUpgrade(callers, request),
    },
    // Longer than the minute after which common proxies drop an idle connection, so that they and not we close it.
    keepAliveTimeout: 75_000,
    forceCloseConnections: 'idle',
    return503OnClosing: true,
  });
  const app = await NestFactory.create<NestFastifyApplication>(AppModule.of(config, log, databaseUrl), adapter, {
    bodyParser: false,
    abortOnError: false,
    logger: new NestLog(log),
  });
  const fastify = adapter.getInstance();
  // Exact JSON is read from the bytes, so every body arrives as they are, whatever its media type.
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('*', { parseAs: 'buffer' }, unpackBody(config.http.maxBodyBytes));
  refuseHosts(fastify, callers.hosts);
  answerCors(fastify, callers.pages);
  shapeAnswers(fastify);
  await app.init();
  return app;
}
