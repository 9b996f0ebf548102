import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { type MicroserviceOptions, Transport } from '@nestjs/microservices';
import { env } from 'node:process';
import { OrdersController } from './orders.controller.js';

@Module({ controllers: [OrdersController] })
class OrdersModule {}

const app = await NestFactory.createMicroservice<MicroserviceOptions>(OrdersModule, {
  transport: Transport.KAFKA,
  options: {
    client: { clientId: 'orders', brokers: (env['KAFKA_BOOTSTRAP_SERVERS'] ?? 'localhost:9092').split(',') },
    consumer: { groupId: 'orders-nestjs' },
    subscribe: { fromBeginning: true },
  },
});
app.enableShutdownHooks();
await app.listen();
