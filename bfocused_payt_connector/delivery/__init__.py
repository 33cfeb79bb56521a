"""Sending what the outbox holds. ``RESOURCES`` says of each kind of record how it is told to PAYT."""

from .resources import RESOURCES, Resource, get_rank
from .sender import OutboxSender, Parcel
