"""Listening: connections are accepted within limits that no stranger can use up.

:mod:`kpnode.listening.acceptor` accepts them, :mod:`kpnode.listening.connections` decides who gets
in and who gives way, :mod:`kpnode.listening.descriptors` how many there may be.
"""
