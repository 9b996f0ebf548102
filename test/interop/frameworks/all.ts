import type { Framework } from '../framework';
import { MICRONAUT } from './micronaut';
import { NESTJS } from './nestjs';
import { PYTHON } from './python';
import { QUARKUS } from './quarkus';
import { SPRING } from './spring';

export const FRAMEWORKS: readonly Framework[] = [SPRING, PYTHON, NESTJS, QUARKUS, MICRONAUT];
