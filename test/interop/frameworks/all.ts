import type { Framework } from '../framework';
import { MICRONAUT } from './micronaut';
import { NESTJS } from './nestjs';
import { PYTHON } from './python';
import { QUARKUS } from './quarkus';
import { SPRING } from './spring';
import { SPRING_AVRO } from './spring-avro';

export const FRAMEWORKS: readonly Framework[] = [SPRING, SPRING_AVRO, PYTHON, NESTJS, QUARKUS, MICRONAUT];
