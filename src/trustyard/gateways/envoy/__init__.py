"""Envoy: the resources that its data plane asks for, made of a release, and the configuration it starts with.

`resources` and `jwt` need the extra `trustyard[envoy]`; `options` and `bootstrap` do not.
"""
