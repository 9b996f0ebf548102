/*
 * Plays one recorded exchange with a plugin server over and over, for as little CPU as can be: what the driver takes of a
 * core is not there for the workers that are measured.
 *
 *   replay <socket> <in flight> <duration in ms> < recording
 *
 * The recording, as bench/workers/recording.ts writes it: a line with the nonce of the recorded request; a line with all that
 * the server said, in hex; then a line for each write of Kong's: how many of the server's bytes had come before it, and what
 * was written, in hex. Each request has a nonce of its own in the place of the recorded one, and the server must say what it
 * said then, byte for byte, with the new nonce. As Kong after an exit, each request has a connection of its own.
 *
 * A closed loop: the next request begins when one has ended, until the time is over. Prints the result as JSON.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define NONCE_BYTES 32
#define MOST_WRITES 16
#define MOST_NONCES 16
#define EVENTS_AT_ONCE 256
/* Longer than the plugin server's longest wait for anything that is not Kafka. */
#define LAST_ANSWERS_MS 7000

struct message {
  unsigned char *bytes;
  size_t length;
  size_t nonces_at[MOST_NONCES];
  int nonces;
};

struct message heard;
struct message written[MOST_WRITES];
/* So many bytes of the server's before each. */
size_t written_after[MOST_WRITES];
int writes;

/* One of those in flight. */
struct lane {
  int fd;
  int next_write;
  uint64_t began_ns;
  char nonce[NONCE_BYTES];
  size_t received;
  unsigned char *bytes;
};

struct sockaddr_un address = {.sun_family = AF_UNIX};
int epoll;
uint64_t end_ns, requests, ended, in_time, lost, crossed;
uint32_t *latencies_us;
size_t latencies, latencies_room;

static void die(const char *what) {
  perror(what);
  exit(1);
}

static void *room_for(void *old, size_t bytes) {
  void *room = realloc(old, bytes);
  if (room == NULL) die("memory");
  return room;
}

static uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000000ull + now.tv_nsec;
}

static struct message message_of(const char *hex, const char *nonce) {
  struct message message = {.length = strspn(hex, "0123456789abcdef") / 2};
  message.bytes = room_for(NULL, message.length);
  for (size_t at = 0; at < message.length; at++) sscanf(hex + 2 * at, "%2hhx", &message.bytes[at]);
  unsigned char *at = message.bytes, *end = at + message.length;
  while ((at = memmem(at, end - at, nonce, NONCE_BYTES)) != NULL && message.nonces < MOST_NONCES) {
    message.nonces_at[message.nonces++] = at - message.bytes;
    at += NONCE_BYTES;
  }
  return message;
}

static void read_recording(void) {
  char *line = NULL, nonce[NONCE_BYTES];
  size_t size = 0;
  if (getline(&line, &size, stdin) != NONCE_BYTES + 1) die("the nonce of the recording");
  memcpy(nonce, line, NONCE_BYTES);
  if (getline(&line, &size, stdin) <= 0) die("what the server said");
  heard = message_of(line, nonce);
  while (writes < MOST_WRITES && getline(&line, &size, stdin) > 0) {
    char *hex;
    written_after[writes] = strtoul(line, &hex, 10);
    written[writes++] = message_of(hex + 1, nonce);
  }
  free(line);
}

/* The recorded message with this request's nonce, until the next call. */
static unsigned char *with_nonce(struct message *message, const struct lane *lane) {
  for (int index = 0; index < message->nonces; index++)
    memcpy(message->bytes + message->nonces_at[index], lane->nonce, NONCE_BYTES);
  return message->bytes;
}

static void write_what_is_due(struct lane *lane) {
  while (lane->next_write < writes && written_after[lane->next_write] <= lane->received) {
    struct message *message = &written[lane->next_write++];
    /* What fails here is seen at the next read. */
    (void)!send(lane->fd, with_nonce(message, lane), message->length, MSG_NOSIGNAL);
  }
}

static void begin(struct lane *lane) {
  static const char digits[] = "0123456789abcdef";
  uint64_t number = ((uint64_t)getpid() << 40) + ++requests;
  memset(lane->nonce, '0', NONCE_BYTES);
  for (int at = NONCE_BYTES - 1; number > 0; at--, number >>= 4) lane->nonce[at] = digits[number & 15];
  lane->received = lane->next_write = 0;
  lane->began_ns = now_ns();
  lane->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (lane->fd < 0 || connect(lane->fd, (struct sockaddr *)&address, sizeof address) < 0) die("connect");
  write_what_is_due(lane);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = lane};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, lane->fd, &event) < 0) die("epoll_ctl");
}

static void end(struct lane *lane) {
  uint64_t ended_ns = now_ns();
  close(lane->fd);
  ended++;
  if (lane->received < heard.length) lost++;
  else if (lane->received > heard.length || memcmp(lane->bytes, with_nonce(&heard, lane), heard.length) != 0) crossed++;
  else if (ended_ns <= end_ns) {
    in_time++;
    if (latencies == latencies_room)
      latencies_us = room_for(latencies_us, (latencies_room = latencies_room * 2 + 65536) * sizeof *latencies_us);
    latencies_us[latencies++] = (ended_ns - lane->began_ns) / 1000;
  }
  if (ended_ns < end_ns) begin(lane);
}

static void readable(struct lane *lane) {
  /* One byte more than expected, to see that there is none. */
  ssize_t count = recv(lane->fd, lane->bytes + lane->received, heard.length + 1 - lane->received, MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count > 0) {
    lane->received += count;
    write_what_is_due(lane);
  }
  if (count <= 0 || lane->received >= heard.length) end(lane);
}

static int by_value(const void *a, const void *b) {
  uint32_t one = *(const uint32_t *)a, other = *(const uint32_t *)b;
  return (one > other) - (one < other);
}

/* Nearest rank, as in bench/load/statistics.ts. */
static double percentile_ms(int percent) {
  return latencies == 0 ? 0 : latencies_us[(latencies * percent + 99) / 100 - 1] / 1000.0;
}

static double cpu_us(void) {
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  return (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e6 + used.ru_utime.tv_usec + used.ru_stime.tv_usec;
}

int main(int count, char **arguments) {
  if (count != 4 || strlen(arguments[1]) >= sizeof address.sun_path) {
    fprintf(stderr, "Usage: replay <socket> <in flight> <duration in ms> < recording\n");
    return 2;
  }
  strcpy(address.sun_path, arguments[1]);
  int in_flight = atoi(arguments[2]);
  uint64_t duration_ms = strtoull(arguments[3], NULL, 10);
  read_recording();
  epoll = epoll_create1(EPOLL_CLOEXEC);
  double cpu_before_us = cpu_us();
  uint64_t began_ns = now_ns(), given_up_ns;
  end_ns = began_ns + duration_ms * 1000000;
  given_up_ns = end_ns + LAST_ANSWERS_MS * 1000000ull;
  struct lane *lanes = room_for(NULL, in_flight * sizeof *lanes);
  for (int index = 0; index < in_flight; index++) {
    lanes[index].bytes = room_for(NULL, heard.length + 1);
    begin(&lanes[index]);
  }
  struct epoll_event events[EVENTS_AT_ONCE];
  while (ended < requests && now_ns() < given_up_ns) {
    int ready = epoll_wait(epoll, events, EVENTS_AT_ONCE, 100);
    for (int index = 0; index < ready; index++) readable(events[index].data.ptr);
  }
  double cpu_after_us = cpu_us();
  qsort(latencies_us, latencies, sizeof *latencies_us, by_value);
  printf("{\"ended\":%llu,\"perSecond\":%.1f,\"p50Ms\":%.3f,\"p99Ms\":%.3f,\"lost\":%llu,\"crossed\":%llu,\"driverMicros\":%.2f}\n",
         (unsigned long long)ended, in_time * 1000.0 / duration_ms, percentile_ms(50), percentile_ms(99),
         (unsigned long long)(lost + requests - ended), (unsigned long long)crossed,
         (cpu_after_us - cpu_before_us) / (ended > 0 ? ended : 1));
  return 0;
}
