package main

var heldOps = map[string]operation{}
