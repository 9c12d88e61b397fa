/** Requests as no client of ours would send them. */
import * as http from 'node:http';
import * as https from 'node:https';
import { readCredentials } from '../../../src/datastore/kubeconfig.ts';

export interface RawRequest {
  method?: string;
  path: string;
  headers?: http.OutgoingHttpHeaders;
  body?: string;
}

export interface RawAnswer {
  status: number;
  headers: http.IncomingHttpHeaders;
  body: string;
}

export async function rawRequest(kubeconfig: string, request: RawRequest): Promise<RawAnswer> {
  const { server, tls, authorization } = await readCredentials({ kubeconfig });
  const send = server.protocol === 'http:' ? http.request : https.request;
  const headers = {
    authorization: (await authorization()) ?? '',
    ...(request.body !== undefined && {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(request.body),
    }),
    ...request.headers,
  };
  return new Promise((resolve, reject) => {
    const sent = send(
      new URL(request.path, server),
      { ...tls, method: request.method ?? 'GET', headers, agent: false },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () =>
          resolve({
            status: response.statusCode!,
            headers: response.headers,
            body: Buffer.concat(chunks).toString('utf8'),
          }),
        );
      },
    );
    sent.on('error', reject);
    sent.end(request.body);
  });
}
