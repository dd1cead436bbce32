package main

var uringOps = map[string]operation{}
