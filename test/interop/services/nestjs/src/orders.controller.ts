import { Controller } from '@nestjs/common';
import { MessagePattern, Payload, RpcException } from '@nestjs/microservices';
import { interval, map, take, type Observable } from 'rxjs';

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

  /** As many replies as were ordered; after them NestJS says that these were all. */
  @MessagePattern('nestjs.several.requests')
  handleSeveral(@Payload() order: Order): Observable<Confirmation> {
    return interval(20).pipe(
      take(order.quantity),
      map((number) => {
        if (order.item === 'broken' && number === 1) throw new RpcException('only one of them');
        return { status: 'accepted', item: `${order.item} ${number + 1}` };
      }),
    );
  }
}
