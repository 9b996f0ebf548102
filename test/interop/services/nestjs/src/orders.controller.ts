import { Controller } from '@nestjs/common';
import { MessagePattern, Payload, RpcException } from '@nestjs/microservices';

export interface Order {
  item: string;
  quantity: number;
}

export interface Confirmation {
  status: 'accepted';
  item: string;
}

@Controller()
export class OrdersController {
  @MessagePattern('nestjs.requests')
  handle(@Payload() order: Order): Confirmation | null | undefined {
    if (order.quantity === 0) throw new RpcException('quantity must be at least 1');
    if (order.quantity > 100) throw new RpcException({ status: 409, message: 'not that many in stock' });
    if (order.quantity < 0) throw new Error('a negative quantity');
    if (order.item === 'null') return null;
    if (order.item === 'undefined') return undefined;
    return { status: 'accepted', item: order.item };
  }
}
