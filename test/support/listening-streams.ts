/** A process with a port for its streams, and without Kafka. */
import { RequestReply } from '../../bridge/request-reply';
import { HttpListener } from '../../listener/http-listener';
import { FakeClock } from './fake-clock';
import { FakeKafka } from './fake-kafka';

export async function listeningStreams() {
  const clock = new FakeClock();
  const kafka = new FakeKafka();
  const requestReply = new RequestReply({ clients: kafka, clock });
  requestReply.setTogether(false);
  const listener = new HttpListener({
    address: { host: '127.0.0.1', port: 0 },
    routes: [requestReply.streams.route],
  });
  await listener.serve(true);
  requestReply.streams.listener = () => listener.reachableAt;
  return { clock, kafka, requestReply, listener };
}
