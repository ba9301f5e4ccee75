import { Controller, Get, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Metrics, type MetricsFormat } from '../telemetry/metrics.js';
import { metricsFormat } from './metrics-format.js';

const CONTENT_TYPE: Readonly<Record<MetricsFormat, string>> = {
  prometheus: 'text/plain; version=0.0.4; charset=utf-8',
  'open-metrics': 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};

/** For Prometheus and what reads the same. Served where the hub listens and nowhere else; docs/operations.md says what stands there. */
@Controller('metrics')
export class MetricsController {
  constructor(private readonly metrics: Metrics) {}

  @Get()
  async scrape(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const format = metricsFormat(request.headers.accept);
    const text = await this.metrics.text(format);
    void reply
      .header('Content-Type', CONTENT_TYPE[format])
      .header('Cache-Control', 'no-store')
      .header('Vary', 'Accept')
      .send(text);
  }
}
